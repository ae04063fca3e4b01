¿tienes tiempo esta noche?
me olvidé la llave en el coche.
¿cuándo vuelves a casa?
mi hermano ahora vive en berlín.
el tiempo fue horrible la semana pasada.
¿me puedes pasar la sal, por favor?
ayer vimos una buena película.
los niños juegan en el jardín.
mañana tengo que levantarme temprano.
¿por qué no me dijiste nada?
el tren a múnich viene con retraso.
mi abuela hace el mejor pastel.
creo que aprobó el examen.
¿dónde compraste esta chaqueta?
el perro tiene miedo de la tormenta.
ella trabaja en un hospital.
mi móvil está otra vez sin batería.
aquí no se puede fumar.
tengo ganas de que llegue el fin de semana.
¿conoces un buen restaurante cerca de aquí?
la ventana está rota desde ayer.
él habla español e inglés con fluidez.
apaga la luz, por favor.
nuestro profesor está enfermo hoy.
necesito cinco minutos más.
¿quién se bebió la última botella de agua?
las clases empiezan otra vez el lunes.
él le compró flores a su madre.
esa es una buena pregunta.
la sopa no sabe a nada.
en verano vamos al mar.
no entiendo el ejercicio.
Ahora mismo llego
Cómo se llama tu hermana
Perdió el autobús
Vienes al cine con nosotros
Ella todavía no se ha decidido
No tengo ganas de cocinar
Cuánto cuesta un kilo de manzanas
Nos vemos en la estación
La comida está lista
Mi padre duerme delante de la tele
De dónde lo conoces
No puedo abrir la puerta
Llovió toda la noche
Ella nunca quiso mudarse a Canadá
Has visto mis gafas
El médico dijo que debo beber mucho
Quisiera una copa de vino
Nadie ha llamado
Me duelen los pies
Puedo preguntarte algo
Ella vendió su bicicleta vieja
Nunca he estado en Italia
Tenemos que encontrar otra manera
La biblioteca cierra los domingos
Él no sabe lo que quiere
Podemos hablar de eso más tarde
¡ME ENCANTA ESTA CANCIÓN!
¡NO MOLESTAR, POR FAVOR!
¿POR QUÉ NO CONTESTAS?
ESTE ES MI SITIO.
¡VEN AQUÍ AHORA MISMO!
¡HEMOS GANADO!
¡DÉJAME EN PAZ!
LA ENTRADA ESTÁ AL OTRO LADO.
YA TE LO HE DICHO.
¡CUIDADO, EL SUELO ESTÁ MOJADO!
¿DÓNDE ESTÁS?
¡FELIZ CUMPLEAÑOS!
MI ORDENADOR YA NO FUNCIONA.
¡ESO NO PUEDE SER VERDAD!
QUIERO IRME A CASA.
¡DEJA DE GRITAR!
¿QUIÉN DEJÓ LA PUERTA ABIERTA?
HOY ESTAMOS CERRADOS.
¡GRACIAS POR VUESTRA AYUDA!
NO PUEDO DORMIR.
Quisiera reservar una meza para dos personas.
Él trabajo todo el dia.
Mi hija está aprendiento a nadar.
La calle está cerada por obras.
Compramos la casa ace diez años.
El café está demasiado caliente para bevberlo.
Se conocieron en las bacaciones.
No puedo recodar su nombre.
Esa es provablemente la mejor solución.
La policía todabía está buscando al ladrón.
Nuestros vecinos son muy ambales.
No e comido nada esta mañana.
¿Puedes explicarlo otra ves?
Él escribe todos los días en su dairio.
El profesor nos contó una hsitoria.
Ella se olvidó el bolso en la ofisina.
Busco un piso en el cetnro.
Deberíamos salir más tempano.
Mi tío repara reljoes antiguos.
El gato dureme en el sofá.
El conceirto empieza a las ocho.
¿Estás seguro de qe viene?
Me intersa la historia.
Por desgracia, la cunta está mal.
Nos esperaron mucho timepo.
Todavía hay leche en la nebera.
Él se olvidó de cerrar la bentana.
Mi amigo toca muy bien la guitara.
El lirbo está en el escritorio.
Nos vemos delante del musoe.
He perdido mi parguas.
Aquí el aire está muy lipmio.
Él sienpre quiso ser piloto.
Ella canta megor que su hermana.
El ragalo es para mis padres.
¿Podría ablar un poco más despacio, por favor?
Hoy tengo un poco de friio.
Estuve cuatro oras en un atasco.
Él encontró un nuebo trabajo.
La mayoria de la jente no lo conoce.
La nina hoy no lleva ningun vestido verde.
No se que hora es.
Todavia no tenemos panecillos para esta manana.
No vas en bicicleta a la universidad?
La puerta no tenia echada la llave.
El simplemente no me escucha.
Que gusto volver a verte.
Preferiria ir a pie.
Claro que si podremos ayudarte.
Mi madre no lo habria permitido.
"Donde estabas?", pregunto ella.
El queso no esta en el frigorifico.
Piensa bien lo que estas haciendo.
El llavin no encaja en la puerta.
No se encontrar el puente.
A ella le gustaria ser medica.
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
la camisa cuesta 45 euros
nos vemos a las 19:30
mi número de teléfono es el 555-7812
él nació en 1987
la ciudad tiene 250000 habitantes
ella vive en el piso 12
el vuelo dura 11 horas
tengo 34 años
hace 8 grados bajo cero fuera
la montaña mide 2962 metros de altura
falta la página 3 en mi libro
el 80 por ciento de los alumnos estaba enfermo
he comprado 6 huevos y 500 gramos de harina
la habitación 217 está en el segundo piso
mi tren sale a las 6:45
él corrió 100 metros en 12 segundos
tenemos 3 gatos y 2 perros
el paquete pesa 7,5 kilos
la señora kowalczyk trabaja en nuestra oficina
jonas ya ha hablado con leonie
la próxima semana volamos a reikiavik
el señor öztürk tiene tres hijos
anna y felix se casan en mayo
hace años que no veo a sofia
el kilimanjaro está en tanzania
elif le escribió una carta a mehmet
viene hoy el profesor nguyen
oskar vive cerca de zúrich
trabajo en siemens desde marzo
greta cocina mejor que emil
has leído el nuevo libro de julia zeh
ole y finn son de suecia
estoy cansado. me voy a la cama ahora.
Vienes? Queremos ir a nadar
la película era aburrida, me quedé dormido
Hace frío! Ponte una chaqueta
gracias por la invitación. iré con mucho gusto
dónde está mi bolso? lo acabo de ver
No está aquí. Llama más tarde
el pan está duro. compra más, por favor.
No me gusta el té. Tienes café
no te preocupes. todo saldrá bien
Ella se ríe mucho. Eso me gusta
el autobús se ha ido. tenemos que caminar.
hola paul! cómo está tu familia?
Tengo hambre. Vamos a comer algo
