Los agentes detuvieron al conductor en el norte de Múnich.
Los últimos acontecimientos nos preocupan mucho.
La proporción de mujeres ingenieras aumenta lentamente.
Buscamos una solución individual para cada cliente.
La extracción de carbón terminó aquí hace años.
Los mercados reaccionaron con nerviosismo a la noticia.
Junto a la puerta hay un horario actualizado.
La funcionaria encargada está en la pausa del almuerzo.
Gagarin era piloto de la fuerza aérea soviética.
De esta especie quedan pocos individuos.
El señor Krüger vendió su sofá en los anuncios clasificados.
La Corte Internacional de Justicia tiene su sede en La Haya.
¿Quién presenta el programa esta noche?
Antes de partir, preparamos las mochilas.
Alcanzó la fama con esta novela y ahora ha logrado renombre mundial.
Desde Gera fuimos a Holanda por Mülheim.
Del jardín llegaban los sonidos de un violín.
Necesitamos un plan a largo plazo para los cuidados.
Los analistas prevén una caída de las cotizaciones.
Tengo la cerradura, pero no la llave; también faltan los papeles correspondientes.
Vive con el delirio de que lo persiguen.
Se subasta el mobiliario de la posada.
El abuelo trabajó toda su vida en una imprenta.
Bajo los viejos robles crecen boletus.
¿Quién puede explicar esta frase tan complicada?
La sal extrae el agua de las verduras.
Era solo una cuestión formal.
Con este tráfico apenas se puede pasar.
El mariscal ordenó la retirada.
Habría que premiar a los niños por las buenas acciones.
El parque estaba lleno de visitantes de todo el mundo.
En el presente caso no hay testigos.
No abandonó la sala hasta que se lo pidieron varias veces.
Steffen acogió en su casa a una familia siria.
En esta profesión es imposible planificar a largo plazo.
Falta todavía un millón para la realización de la película.
La oposición exige nuevas elecciones inmediatas.
La complejidad de la tarea nos superó.
La isla tiene una fauna variada.
La torre se construyó siguiendo un modelo antiguo.
La afirmación es demostrablemente falsa.
El veneno es detectable en la sangre durante tres días.
Las fundas de los sillones eran de terciopelo verde.
La presentadora se trabó ante la cámara.
Trescientos expositores llenaban la feria.
El comercio de mercancías del Lejano Oriente está en auge.
La mayor parte de la cosecha se ha podrido.
El norte es mayoritariamente protestante.
Tras mucho buscar, lo encontró en el desván.
El gobernante carece de toda legitimidad democrática.
Su familia le da el respaldo necesario.
Siempre descubro callejuelas nuevas en esta ciudad.
Muchos de los infectados no presentaban síntomas.
Hace pan de jengibre con una receta probada.
Los pedagogos piden clases más pequeñas.
Durante la carrera hizo varias prácticas.
En el aniversario de la muerte de su madre va al cementerio.
A Kilian le gusta bañarse en el Isar.
La niebla dejó a los excursionistas sin ninguna orientación.
Mi hermana solo escucha a su grupo favorito en vinilo.
Los gastos previstos superan los ingresos proyectados.
En el festival, los estudiantes presentan sus cortometrajes.
La ciudad atrae a nuevas empresas con incentivos fiscales.
La cartografía de la cueva llevó tres veranos.
El gatito miedoso se escondió detrás del radiador.
Luchar en dos frentes superó al ejército.
Una orden ministerial prohíbe las barbacoas en el bosque.
Su interpretación de la vieja reina le valió muchos elogios.
En el monasterio vive un viejo monje tibetano.
El camarero confunde invariablemente nuestros pedidos.
El gas llega a Europa por los gasoductos.
El dolor es solo pasajero, dijo el médico.
Todos los candidatos deben llevar sus portafolios a la entrevista.
Al cabo de unos meses, la fiebre del yoyó había pasado.
Algunas hormigas tienen la cabeza alargada.
Los progresistas ganaron en todas las grandes ciudades.
La mentoría ayuda a los profesores jóvenes en sus primeros años.
Los auxiliares de vuelo repartieron mantas.
Esta explicación me parece demasiado simplista.
Fue el terremoto más mortífero en décadas.
El precio y el origen están codificados en el código de barras.
El ministro de Defensa habló de varios aspectos del tratado.
Los productores buscan un experto en animación.
De dos males eligió el menor.
¿Qué sectores sufren más la crisis?
La participación en la encuesta es voluntaria.
En los barrios del puerto viven muchos artistas.
El cambio demográfico afecta sobre todo a las regiones rurales.
Los vehículos autónomos dependen de muchos sensores.
Los voluntarios, bien coordinados, trabajaron con eficacia.
Fue a la cárcel por sus ideales.
El ejercicio activa el metabolismo.
Tras el escándalo, debe recuperar nuestra confianza.
Mi prima estudia antropología y lingüística.
Grandes tareas le esperan en Varsovia.
Los animales deben ser tratados de manera humana.
Solo el personal autorizado puede entrar en esta sala.
Un seguro garantiza que duermas tranquilo.
De todas las ventanas salía música a todo volumen.
Dormir poco es perjudicial para la memoria.
El actor se perdió dos de sus entradas.
En las asambleas ciudadanas hubo acalorados debates.
Una astronauta pronunció el discurso de graduación.
Como entusiasta de la ópera, conoce todas las arias.
La manutención y el alojamiento están incluidos en el precio.
Su talento cómico se manifestó pronto.
La banda se reunirá de nuevo para una gira.
Deja que la mantequilla se ablande a temperatura ambiente.
La disputa no debe escalar más.
El grupo toca rock psicodélico.
En el armario hay tres jerséis calientes.
Agustín estudió periodismo, pero trabaja de jardinero.
Mi familia siguió unida incluso en los momentos difíciles.
El ayuntamiento otorgó la concesión de los aparcamientos.
El carpintero emplea solo madera de la zona.
El agente vende inmuebles en la costa.
El candidato ha decepcionado a sus electores.
Horacio pasó su infancia en Guanajuato.
Cuatro constructoras participaron en la licitación.
Los aumentos del precio de la luz afectan a todos.
La asamblea decidió condenar el ataque.
La oficina ofrece asesoría legal a los inquilinos.
Tras años de militancia, abandonó el partido.
Nuestra oficina está en el noveno piso.
Los frigoríficos nuevos son mucho más eficientes.
El subsecretario viaja mañana a Praga.
Los pingüinos habitan el hemisferio austral.
El congreso corporativo se celebra todos los años en diciembre.
Lleva compitiendo en saltos desde los doce años.
Con el frío se congelan primero las extremidades.
El nivel educacional ha subido.
Para las baterías hace falta litio.
Los autobuses urbanos circulan también los días festivos.
Los sacerdotes ofrecían flores y miel a la diosa.
El monumento es un tributo a los bomberos caídos.
La isla tiene una gran importancia estratégica.
Querétaro se encuentra al noroeste de Ciudad de México.
Recordemos a los compañeros que ya no están.
La acumulación de basura atrae a las ratas.
Adicionalmente, los clientes reciben un vale.
La proximidad del aeropuerto es un inconveniente.
Los clientes del hotel disponen de una piscina climatizada.
Estas botas me quedan demasiado justas.
Nacho hace un máster en Biología Marina.
Una tormenta se acerca por el suroeste.
La gata estaba metida en el armario, entre las mantas.
El objetivo es erradicar la malaria.
El espacio metropolitano tiene ocho millones de habitantes.
Llega tarde sistemáticamente.
En mi tiempo libre decido yo lo que hago.
Medios locales reportan varios heridos.
Dos fundaciones apoyan la investigación de Godoy.
En su juventud fue anarquista.
¿Qué decías antes de que sonara el teléfono?
Solo son aceptados los pagos en efectivo.
El soldado fue castigado por desobediencia.
¿Podrías acomodar los cojines del sofá?
El radicalismo de algunos grupos es preocupante.
Ata la bicicleta para que no te la roben.
Tomamos el ferri de Alicante a Argel.
Le escribió pidiéndole perdón.
Líbano y Egipto han firmado un acuerdo.
El equipo sufrió su tercera derrota consecutiva.
En general, estoy satisfecho con mis notas.
Nadie puede obligarnos a firmar eso.
La policía interroga actualmente a dos testigos.
¿Con qué podríamos llenar este vacío?
Estas especias añaden una nota especial a la sopa.
El ferri a Bastia zarpa a las ocho.
Las leonas defienden a sus crías.
Grandes máquinas bloqueaban el paso.
Los salarios tienden a subir en primavera.
Sus palabras desataron fuertes polémicas.
El granjero vende grasas animales y vegetales.
Un fabricante japonés ha implantado una fábrica en la región.
Pronunció un discurso totalmente contradictorio.
El encendido está programado para las seis.
Esos cretinos cogieron el autobús equivocado.
Queremos renovar el viejo granero.
¿Cómo regular la circulación?
El monje cantaba bajito los versículos.
Solo el mejor obtendrá la beca.
Después de su aprendizaje de panadero, Luc se mudó a Lyon.
Sepan que no hemos recibido ni un céntimo.
Los obispos se reunieron en Aviñón.
Se añadió una nota a pie de página posteriormente.
La próxima recogida de los muebles está prevista para el lunes.
Los niños menores de doce años deben ir acompañados.
Los patriotas escondían sus armas en el granero.
¿Cómo se podría remediar la falta de profesores?
Hay magníficos castillos en Turena.
Las firmas recogidas fueron entregadas.
Su destino a Arras fue un choque.
Nuestro cerebro tiene miles de millones de neuronas.
Le garantizo total confidencialidad.
Los cardenales eligieron un nuevo papa.
Fabius presidió la conferencia sobre el clima en París.
Desde que se jubiló se dedica a la genealogía.
Este mensaje se dirige a un público específico.
La lenta armonización de los impuestos irrita a Bruselas.
Los alumnos de Compiègne visitaron el museo.
La burocracia asfixia a las pequeñas empresas.
El mecánico dijo que el cambio de marchas estaba bien, pero que el par motor era demasiado bajo para tirar de un remolque con madera pesada.
Para algunos la montaña es un lugar espiritual, para otros solo un bonito destino de excursión, y habría que respetar ambos puntos de vista.
En tiempos de Lutero se imprimieron muchos libros por primera vez en alemán, de modo que también la gente sencilla podía leer lo que decía la Biblia.
El político, cuyos comentarios antisemitas nadie había rebatido, tuvo que dimitir cuando las palabras de un nativo de Cracovia mostraron muy de cerca lo que causa el odio.
Aunque se había defendido con valentía, la sajona de nacimiento tuvo que admitir que, por un sueldo tan malo, nunca le darían más autonomía.
Debido a un fallo en el reactor, la central fue desconectada y la empresa explotadora se comprometió a aplicar las mejoras previstas antes del invierno.
No dejes que el mal tiempo te fastidie las vacaciones, porque en Partenkirchen hay museos bonitos y cafés acogedores incluso cuando llueve.
El perro se había perdido, pero cuando por la noche su dueña gritó su nombre, salió de repente corriendo del bosque y saltó sobre ella.
En resumen, los indicadores son mejores de lo que esperábamos y, si el valor añadido sigue creciendo, potencialmente podremos contratar a diez personas nuevas.
En el escondite de la tristemente célebre banda de Duisburgo, la policía encontró de noche una caja llena de monedas de oro y con un viejo tálero.
Sin el consejo de sus padres, Raimund probablemente habría dejado la escuela, pero al final se sacó el bachillerato más tarde y ahora hace una de tres formaciones posibles.
Tras una verdadera odisea con cuatro trenes y dos autobuses, llegamos a medianoche, aunque habíamos salido por la mañana y unos amigos de Baja Sajonia nos habían ofrecido un coche.
El dique no pudo resistir las olas, de modo que el agua destruyó en el sótano del museo valiosos bienes culturales que llevaban décadas guardados allí.
En el torneo los croatas ganaron a sus rivales por poco según los números, pero quien vio el partido sabe con qué claridad dominaban.
El operador de la red de Alemania central pide paciencia, porque la reparación de la línea dañada cerca de Bernburg tardará todavía dos días.
Quien declare mal sus impuestos a propósito debe contar con consecuencias penales, aunque en esos casos los procesos penales suelen durar mucho.
El número de policías ya anunciado se aumentó después de que hubiera daños en partidos anteriores.
Su novio de entonces, Christof, quería a toda costa llevar una vida independiente y por eso se mudó de la Friedrichstrasse a un pueblo al borde de la zona.
Quien no tiene asistencia jurídica se piensa dos veces si quiere defenderse en los tribunales de una falsa acusación.
Los niños que huyeron de la guerra están a menudo traumatizados y necesitan un equipo independiente que se ocupe de ellos durante mucho tiempo.
Al comenzar el anochecer, la luz en los largos pasillos se hizo más débil, y a ambos lados de la escalera había figuras que nos daban miedo.
Quiere a su marido incondicionalmente, aunque haga sobre todo sus bromas estúpidas, que él mismo considera graciosas.
En su novela, Fontane describe a una mujer que se casa joven, y en ella se ve claramente lo que un lector de la época esperaba del matrimonio.
Las novelas de Thomas Mann se tratan en muchos seminarios, aunque algunos estudiantes solo lean en secreto el resumen.
El programa de la fiesta de la ciudad incluye una visita a las antiguas capillas, en la que también los visitantes sin conocimientos previos reciben explicaciones comprensibles.
En el cuadro, las franjas verticales se alternan con líneas horizontales, lo que crea un dibujo que apenas se puede imaginar.
El coche dio dos vueltas de campana en el accidente, pero como los socorristas llegaron rápido y liberaron al conductor, este sobrevivió.
El profesor de historia presentó un libro colectivo en el que se describe la conquista violenta de América desde muchos puntos de vista.
Según los escritos transmitidos, el monasterio estaba en Altdorf, donde el jardín de los monjes estaba separado del cementerio por un muro.
Las investigaciones policiales han demostrado que las granadas datan de la Segunda Guerra Mundial y llevaban décadas bajo el jardín.
Las termas están justo al lado del zoo, y por el bonito entorno vienen también familias que no quieren bañarse en absoluto.
Como el número de entradas es limitado, debería inscribirse a tiempo, de lo contrario se quedará al final sin plazas.
Los niños apuntaban a la diana con arcos y, tras varios tiros acertados, un truco bien logrado provocó sonoras carcajadas.
La Agencia Federal de Redes estudia fomentar la fibra óptica en los pueblos apartados para que las telecomunicaciones funcionen en todas partes.
Los oradores destacaron que las negociaciones con los representantes palestinos están a prueba y subrayaron el peligro de una radicalización.
Los armenios y otros pueblos de la región conservan hasta hoy canciones en las que, según dicen, se refleja la nostalgia de una patria perdida.
La mejor ayuda posible para los niños con inflamaciones de oído es el reposo, dijo la doctora, y no hay ninguna urgencia aguda.
La abuela me dejó en herencia no solo sus viejas recetas de tartas, sino también su sensibilidad hacia los apuros de los demás.
Al registrar el taller, la policía pudo descubrir que los cuadros comprados eran falsificaciones hechas por un pintor de Forchheim.
Los buscadores no siempre muestran primero las páginas útiles, y por eso una sola guía útil puede servir más que cien resultados.
El pesado perro de nuestro vecino es tan peludo que apenas se nota si está mirando hacia delante o hacia atrás.
En el archivo estatal hay una carta en la que el duque nombra a sus presuntos enemigos y regala tierras del Estado a fieles servidores.
Tras una inseminación artificial, la pareja preguntó a la doctora qué papel desempeña la genética y qué intervenciones eran aún necesarias.
Se debe a la corrupta administración que, a pesar de los altos gastos pagados con dinero público, la escuela no se haya rehabilitado.
Un campo así desvía la aguja de la brújula, y algunas aves utilizan precisamente esta fuerza magnética en su migración.
El cambio se produce despacio, porque hace falta una colaboración constante entre oficinas y asociaciones municipales y nadie toma el mando.
Tras la caída del Muro, Kunze fundó una organización humanitaria que hasta hoy envía ropa y medicinas a todas partes, incluso a islas remotas entre los continentes.
La película muestra la transformación de un hombre que caza psicópatas, y todo resulta tan grotesco que uno tiene que reírse.
El valor de mercado del jugador ha subido tanto tras su extraordinaria temporada que ahora incluso un club de Inglaterra lo prefiere.
La mayoría de los turistas vienen por el hermoso valle, y una velada romántica en el castillo forma parte de ello sin más.
En el teatro se presenta hoy una velada divertida en la que un curandero de las más diversas dolencias no puede ayudarse a sí mismo.
Las discusiones ocasionales forman parte de todo matrimonio, pero el distanciamiento no empieza hasta que ambos dejan de escucharse.
Se encontraron impurezas en el agua potable, por lo que las autoridades aconsejan hervirla antes de beberla, incluso después de filtrarla.
Para usar el vale hay que introducir el código al pagar; si no, el importe no se paga, sino que caduca.
Los demandantes, que llevan años esperando su remuneración, preguntaron al juez por qué se había vuelto a aplazar el juicio.
El chef camboyano con el que aprendí solía decir que la mejor forma de salvar la distancia entre culturas es alrededor de una mesa.
Los expertos que examinan falsificaciones prestan especial atención a cualquier incoherencia entre la firma y la antigüedad del papel.
El pequeño ferri es el cordón umbilical de la isla, porque la larga ruta por tierra está casi siempre cubierta de nieve en invierno.
El tribunal podría anular la sentencia que prohibía llevar pañuelo en las escuelas, librando así a muchas familias de una decisión difícil.
En la nota no figuraba el nombre de quien las regalaba, pero por la letra simétrica supo enseguida de quién eran las rosas.
El gato miraba con codicia el pescado de la mesa y esperó pacientemente a que saliéramos de la cocina para seguir embotellando el vino.
Dos potentes motores propulsan el barco, que también puede navegar con seguridad por aguas poco profundas y entre las marismas.
Ya los antiguos sabían que la frescura de un pescado se reconoce por los ojos y por el olor de las agallas.
Desde Shropshire fuimos a Glastonbury, donde aquel fin de semana había música a raudales y barro hasta las rodillas.
El filántropo, cuya prematura muerte apareció en los titulares, había legado todos sus preciados cuadros a los hospitales.
Cuando hayas reiniciado el ordenador, el programa debería ir más rápido, y si la ralentización continúa, llámame.
El ortopedista dijo que mi dolor lumbar venía de estar demasiado sentado y que agravarlo preocupándome no tenía sentido.
Muchos exploradores tuvieron que sucumbir a enfermedades que hoy cura un solo medicamento que mata la bacteria en pocos días.
El león tenía un aspecto temible, pero el cuidador dijo que el animal, maltratado de joven por un circo, no había hecho daño a nadie en años.
Los lobos y las ovejas pueden coexistir en el mismo pastizal, afirma el biólogo, si el pastor es incansable y tiene buenos perros.
Bebíamos té aromatizado con canela y disfrutábamos del silencio idílico, que solo rompía el zumbido de las abejas.
Las partículas que los motores diésel no dejan de escupir penetran hasta el fondo de los pulmones y pueden dificultar la respiración sin que se note durante años.
El plan de trasladar el viejo puente resultó poco práctico, y los daños que causó fueron por desgracia irreversibles.
Lo más destacado de este plato es el condimento, aunque el cocinero asegura que solo usó sal y un poco de limón.
La periodista consiguió infiltrarse en la banda, cuyo jefe era tan manipulador que hasta los policías le creían.
El aduanero quería desmontar toda la maleta porque sospechaba que en los compartimentos había polvo cristalino escondido.
Su voz tranquila contrastaba con el ruido que interrumpía constantemente las clases en los estrechos confines de la vieja escuela.
A pesar de los problemas logísticos, los cooperantes lograron llevar dos comidas calientes al día a los niños que sufrían malnutrición.
Antes los vestidos rosas le parecían demasiado de niña, pero desde que le encantan los musicales nada le parece lo bastante colorido.
El historiador intentó reconstruir la cronología de los hechos, ayudado por cartas que revelaban tensiones oscurecidas durante mucho tiempo por la leyenda.
La astrónoma explicó a los niños que la mayoría de los asteroides giran alrededor del Sol entre Marte y Júpiter y apenas son peligrosos.
Mañana la empresa quiere desvelar su nuevo coche, que gracias a su forma aerodinámica consumiría muy poca electricidad.
El estudio analiza cómo se desarrolla la asimilación de los jóvenes inmigrantes y por qué en unos lugares tiene éxito antes que en otros.
El médico descubrió un coágulo en su pierna y le recetó un fármaco que debía contrarrestar la hinchazón.
Quien calla conociendo el fraude es cómplice, aunque nunca haya recibido ni un solo céntimo.
La tensión en la sala era palpable cuando el mago serró a su ayudante por la mitad e hizo hábilmente que la sangre pareciera inexistente.
Sus palabras resuenan en mucha gente porque no solo lamenta el azote de la pobreza, sino que ofrece soluciones.
La planta, popularmente llamada garra del diablo, huele de forma repulsiva, pero mucha gente cree que ayuda contra el dolor de articulaciones.
Si el alcalde hubiera mostrado más previsión, la única muerte en este cruce probablemente se habría evitado.
La investigadora transcribió las viejas conversaciones y descubrió palabras que proceden innegablemente del eslovaco.
En la lápida, en cursiva, había dos versos de un poema que el difunto había escrito en su juventud.
Los dos presidentes firmaron los acuerdos solo después de que sus asesores discutieran cada coma durante medio año de tensas reuniones.
La pintora mezclaba ella misma sus pigmentos, porque creía que los medios comprados nunca alcanzaban la profundidad que buscaba.
El catálogo, que incluirá también una infografía, pretende explicar cómo funcionan las inspecciones y qué deben tener en cuenta los restaurantes.
Los pueblos de los bosques están amenazados porque se avecina un verano seco y bastaría una colilla para destruirlo todo.
El entrenador admitió que su equipo había jugado con un estilo demasiado defensivo, aunque tenía un plan táctico claro para la eliminatoria.
Quien gane el concurso obtendrá una beca que le permitirá vivir dos años en Talavera y estudiar tipografía.
El director reconoce que las sucursales de la costa no son rentables, pero confía en que las nuevas tiendas resulten mejores.
Las mujeres desempeñan hoy funciones que habrían sido impensables para sus abuelas, aunque a algunos todavía les parezca indecente.
No hay razón que justifique dejar marginados a unos vecinos solo porque vienen de otros lares o hablan otra lengua.
No me gustan los chistes que rebajan a las mujeres, y cuando alguien hace esos comentarios machistas, le digo que se calle.
La agencia avisó de la toxicidad de la pintura, pero para entonces los juguetes ya se habían vendido por toda España.
La periodista Carmen Aristegui siempre cuestionó el papel del Gobierno, incluso cuando la intentaron silenciar.
En la auditoría se descubrió en la gestión presupuestaria una irregularidad que nadie supo explicar, ni siquiera el jefe de la tesorería.
La música puede tener una función terapéutica, sobre todo tratándose de personas que pierden poco a poco la memoria.
Una ingesta excesiva de azúcar no solo daña los dientes, sino que también puede, como muestran unos datos impactantes, afectar al corazón.
La mitad de los entrevistados declaró que sigue mejor un discurso bien estructurado que la dialéctica de un filósofo.
Mi abuelo se interesaba por la masonería y participaba en secreto en reuniones de las que la familia no se enteró hasta después de su muerte.
Aunque poseían grandes tierras, los tiranos de aquella época temían constantemente que alguien les arrebatara el poder.
Quienes traducen novelas saben que rara vez basta con tomar los términos usuales, y suelen voltear cada frase varias veces.
Mi primo retoma los estudios porque sabe que sin titulación solo le quedará un trabajo mal pagado en el supermercado.
Quien pone en marcha uno de estos emprendimientos pronto nota que el dinero es finito y que hay que aprender a limitarse a lo necesario.
Hay una cláusula implícita en el contrato según la cual los beneficios netos se reparten después de pagar al fisco, pero su abogada no está tan segura.
La CIDH exigió al Gobierno argumentos coherentes, porque la ley constituía, a su juicio, una amenaza para los gais y las lesbianas.
Al pájaro de cabeza colorada le gusta anidar en el vértice de los tejados, donde ningún gato puede llegar ni aun con mucha maña.
La distribuidora tuvo que cambiar el empaque de las galletas, porque en el anterior los ingredientes estaban escasamente indicados.
La canción escogida para el final es una exaltación de la paz, cantada por dos hermanos que llevaban años enfrentados.
Su forma ruda de hablar no le ganaba muchas simpatías, y él, sintiéndose incomprendido, dejó de asistir a las reuniones señaladas.
Todos los documentos solicitados llegaron a tiempo, pero el subtítulo de la película contenía un error que nadie había notado.
Las píldoras no sirven de mucho, explicó la doctora, si después de la remisión de la enfermedad uno no cambia de vida.
La fiebre era tan alta que el niño sufrió alucinaciones y decía que veía granaderos en el techo, pues su mente estaba necesitada de descanso.
Los abogados de las reclusas afirman que dos de ellas fueron condenadas injustamente y que los expedientes han desaparecido.
Mi abuelo paterno, que cruzó la frontera holandesa durante la guerra, nunca habló de aquellos a los que tuvo que dejar allí.
Nadie sabe si la justicia perseguirá mañana a los que piensan de otra manera, pero esta primavera marcará el fin de una época.
Los productos azucarados que se consumen en este barrio son innumerables, al igual que los problemas y las carencias constatados por los médicos.
Martine duda que los jóvenes tengan propensión a la pereza, y piensa que toda persona sensata debería darle la razón.
La selección camerunesa, cuyo capitán mide unos centímetros menos que sus adversarios, salta más alto que todas las demás.
El piloto se disponía a aterrizar cuando le comunicaron que el pequeño aeródromo estaba cerrado por la niebla.
Debo confesarte que nunca he entendido del todo por qué sueña siempre con grandezas pasadas.
La carretera de circunvalación debía descongestionar el centro, pero las reparaciones y los estudios, demasiado costosos, se aplazan desde hace años.
Mi hermanito pilló la gripe en el campamento, y ahora está en la cama y quiere oír cuentos todo el día.
Tras unos últimos retoques, el folleto se imprimirá y se enviará a todos los hogares que se han apuntado.
En las pequeñas tiendas de comestibles del barrio se encuentran salsas elaboradas según recetas muy antiguas.
Traficando con medicamentos falsos, acabó ante un tribunal, donde una sala de lo penal lo condenó a cinco años de cárcel.
Este equipo helvético venció a las campeonas vigentes en un partido cuyos últimos minutos se jugaron con extrema tensión.
El filósofo, refractario a todo dogma, denunciaba el totalitarismo mucho antes de que eso se pusiera de moda.
Después de cumplir su condena, se hizo trabajador de temporada en una granja donde nadie le preguntaba por su pasado.
Los niños representaron la escena en un establo de Belén, y el pequeño Louis se empeñó en hacer el papel del burro.
El señor Astier, que vivió en la clandestinidad durante la guerra, solo conocía los nombres en clave de quienes le llevaban comida.
Bajo el dominio otomano, los monasterios podían conservar sus bienes, siempre que pagaran un impuesto cada año.
Un editorialista se sorprende de que la elección de vestuario de una ministra haga más ruido que sus planes para las escuelas.
Si te quedas demasiado tiempo ante los fogones sin abrir las ventanas, el calor podría ponerte enfermo, lo que sería una pena.
El equipo de Lille está seguro de que su delantero fue lesionado a sabiendas, porque el defensa ni siquiera intentó tocar el balón.
