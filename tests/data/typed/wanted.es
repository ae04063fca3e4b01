¿Tienes tiempo esta noche?
Me olvidé la llave en el coche.
¿Cuándo vuelves a casa?
Mi hermano ahora vive en Berlín.
El tiempo fue horrible la semana pasada.
¿Me puedes pasar la sal, por favor?
Ayer vimos una buena película.
Los niños juegan en el jardín.
Mañana tengo que levantarme temprano.
¿Por qué no me dijiste nada?
El tren a Múnich viene con retraso.
Mi abuela hace el mejor pastel.
Creo que aprobó el examen.
¿Dónde compraste esta chaqueta?
El perro tiene miedo de la tormenta.
Ella trabaja en un hospital.
Mi móvil está otra vez sin batería.
Aquí no se puede fumar.
Tengo ganas de que llegue el fin de semana.
¿Conoces un buen restaurante cerca de aquí?
La ventana está rota desde ayer.
Él habla español e inglés con fluidez.
Apaga la luz, por favor.
Nuestro profesor está enfermo hoy.
Necesito cinco minutos más.
¿Quién se bebió la última botella de agua?
Las clases empiezan otra vez el lunes.
Él le compró flores a su madre.
Esa es una buena pregunta.
La sopa no sabe a nada.
En verano vamos al mar.
No entiendo el ejercicio.
Ahora mismo llego.
¿Cómo se llama tu hermana?
Perdió el autobús.
¿Vienes al cine con nosotros?
Ella todavía no se ha decidido.
No tengo ganas de cocinar.
¿Cuánto cuesta un kilo de manzanas?
Nos vemos en la estación.
La comida está lista.
Mi padre duerme delante de la tele.
¿De dónde lo conoces?
No puedo abrir la puerta.
Llovió toda la noche.
Ella nunca quiso mudarse a Canadá.
¿Has visto mis gafas?
El médico dijo que debo beber mucho.
Quisiera una copa de vino.
Nadie ha llamado.
Me duelen los pies.
¿Puedo preguntarte algo?
Ella vendió su bicicleta vieja.
Nunca he estado en Italia.
Tenemos que encontrar otra manera.
La biblioteca cierra los domingos.
Él no sabe lo que quiere.
¿Podemos hablar de eso más tarde?
¡Me encanta esta canción!
¡No molestar, por favor!
¿Por qué no contestas?
Este es mi sitio.
¡Ven aquí ahora mismo!
¡Hemos ganado!
¡Déjame en paz!
La entrada está al otro lado.
Ya te lo he dicho.
¡Cuidado, el suelo está mojado!
¿Dónde estás?
¡Feliz cumpleaños!
Mi ordenador ya no funciona.
¡Eso no puede ser verdad!
Quiero irme a casa.
¡Deja de gritar!
¿Quién dejó la puerta abierta?
Hoy estamos cerrados.
¡Gracias por vuestra ayuda!
No puedo dormir.
Quisiera reservar una mesa para dos personas.
Él trabajó todo el día.
Mi hija está aprendiendo a nadar.
La calle está cerrada por obras.
Compramos la casa hace diez años.
El café está demasiado caliente para beberlo.
Se conocieron en las vacaciones.
No puedo recordar su nombre.
Esa es probablemente la mejor solución.
La policía todavía está buscando al ladrón.
Nuestros vecinos son muy amables.
No he comido nada esta mañana.
¿Puedes explicarlo otra vez?
Él escribe todos los días en su diario.
El profesor nos contó una historia.
Ella se olvidó el bolso en la oficina.
Busco un piso en el centro.
Deberíamos salir más temprano.
Mi tío repara relojes antiguos.
El gato duerme en el sofá.
El concierto empieza a las ocho.
¿Estás seguro de que viene?
Me interesa la historia.
Por desgracia, la cuenta está mal.
Nos esperaron mucho tiempo.
Todavía hay leche en la nevera.
Él se olvidó de cerrar la ventana.
Mi amigo toca muy bien la guitarra.
El libro está en el escritorio.
Nos vemos delante del museo.
He perdido mi paraguas.
Aquí el aire está muy limpio.
Él siempre quiso ser piloto.
Ella canta mejor que su hermana.
El regalo es para mis padres.
¿Podría hablar un poco más despacio, por favor?
Hoy tengo un poco de frío.
Estuve cuatro horas en un atasco.
Él encontró un nuevo trabajo.
La mayoría de la gente no lo conoce.
La niña hoy no lleva ningún vestido verde.
No sé qué hora es.
Todavía no tenemos panecillos para esta mañana.
¿No vas en bicicleta a la universidad?
La puerta no tenía echada la llave.
Él simplemente no me escucha.
Qué gusto volver a verte.
Preferiría ir a pie.
Claro que sí podremos ayudarte.
Mi madre no lo habría permitido.
«¿Dónde estabas?», preguntó ella.
El queso no está en el frigorífico.
Piensa bien lo que estás haciendo.
El llavín no encaja en la puerta.
No sé encontrar el puente.
A ella le gustaría ser médica.
¡Hasta mañana! 👋
Fue un día estupendo. 😊
Te echo de menos. 😢
¡Felicidades! 🎉
Hoy hay pizza. 🍕
Mi perro es el mejor. 🐶
Estoy muy cansado. 😴
¡Gracias por todo! 🙏
¡Qué partido! ⚽
¡Ella dijo que sí! 💍
Me hace reír. 😂
¡Buenos días a todos! ☀
No tengo ni idea. 🤷
Las vacaciones pueden empezar. 🌴
¡Mucha suerte en el examen! 🍀
Eso me enfada. 😡
Por fin hemos llegado. 🚗
Pienso en ti. ❤
¡Buenas noches! 🌙
¡Bien hecho! 👍
La camisa cuesta 45 euros.
Nos vemos a las 19:30.
Mi número de teléfono es el 555-7812.
Él nació en 1987.
La ciudad tiene 250000 habitantes.
Ella vive en el piso 12.
El vuelo dura 11 horas.
Tengo 34 años.
Hace 8 grados bajo cero fuera.
La montaña mide 2962 metros de altura.
Falta la página 3 en mi libro.
El 80 por ciento de los alumnos estaba enfermo.
He comprado 6 huevos y 500 gramos de harina.
La habitación 217 está en el segundo piso.
Mi tren sale a las 6:45.
Él corrió 100 metros en 12 segundos.
Tenemos 3 gatos y 2 perros.
El paquete pesa 7,5 kilos.
La señora Kowalczyk trabaja en nuestra oficina.
¿Jonas ya ha hablado con Leonie?
La próxima semana volamos a Reikiavik.
El señor Öztürk tiene tres hijos.
Anna y Felix se casan en mayo.
Hace años que no veo a Sofia.
El Kilimanjaro está en Tanzania.
Elif le escribió una carta a Mehmet.
¿Viene hoy el profesor Nguyen?
Oskar vive cerca de Zúrich.
Trabajo en Siemens desde marzo.
Greta cocina mejor que Emil.
¿Has leído el nuevo libro de Julia Zeh?
Ole y Finn son de Suecia.
Estoy cansado. Me voy a la cama ahora.
¿Vienes? Queremos ir a nadar.
La película era aburrida. Me quedé dormido.
Hace frío. ¡Ponte una chaqueta!
Gracias por la invitación. Iré con mucho gusto.
¿Dónde está mi bolso? Lo acabo de ver.
No está aquí. Llama más tarde.
El pan está duro. Compra más, por favor.
No me gusta el té. ¿Tienes café?
No te preocupes. Todo saldrá bien.
Ella se ríe mucho. Eso me gusta.
El autobús se ha ido. Tenemos que caminar.
¡Hola, Paul! ¿Cómo está tu familia?
Tengo hambre. ¿Vamos a comer algo?
