¡Hola!
Hola
Hola
Buenas tardes
¡Buenas noches, cariño!
Adiós
¡Adiós!
Adiós
Hasta pronto
Hasta luego
Gracias
¡Gracias!
Muchas gracias
¡Muchas gracias!
Gracias de antemano.
Por favor
Disculpe, por favor.
Lo siento.
¡No hay problema!
Sí
No
Sí, por favor.
No, gracias.
¡No, no, no!
Quizás
De acuerdo.
Jaja
Mmm...
¿Qué?
¿¿¿Qué???
¿Quién? ¿Yo? ¡Nunca!
¿Por qué no?
Ni idea.
¡Exacto!
Es verdad.
¡Feliz Navidad!
¡Feliz Año Nuevo!
¡Que te mejores!
¡Buen provecho!
¡Salud!
¡Que te diviertas!
¡Buen fin de semana!
¡Buen viaje!
¡Bienvenidos!
¡Bienvenidos a Potsdam!
Estoy bien, gracias.
Encantado de conocerle.
Hola, señor Schmidt:
Hola, señora Weber:
Hola, Anna:
¡Hola, Martin!
Hola, Laura, ¿qué tal?
Querido Thomas:
Querida Sandra:
Queridos Anna y Paul:
Estimado señor Bauer:
Estimada señora Koch:
Estimado doctor Wagner:
Estimados señores:
Atentamente
Atentamente, Anna Becker
Saludos
Saludos desde Bochum
Besos, Lisa
Gracias por su correo electrónico.
Gracias por su mensaje del 12 de marzo.
Adjunto encontrará la factura.
Quedo a la espera de su respuesta.
Si tiene alguna pregunta, llámeme, por favor.
Anna Becker
Peter Hoffmann
Dr. Klaus Richter
el señor Schulz
la señora Neumann
el señor y la señora Krause
la familia Lehmann
Potsdam
Me llamo Markus.
Me llamo Stefan Zimmermann.
Mi nombre es Braun.
Soy Sabine.
¿Cómo te llamas? Me llamo Oliver.
Este es mi amigo Daniel.
¿Conoces a Julia?
¿Dónde vive el señor Fischer?
La señora Vogel no está hoy.
Quisiera hablar con el señor Keller.
Robert Franke fue el primer presidente.
Diana Lorenz es actriz.
El libro es de Walter Simon.
Soy de Rostock.
Vivo en Bonn.
Vamos a Kiel.
Ulm es bonita.
¿A qué distancia está Dortmund?
El tren a Mannheim sale a las 14:35.
Vivo en la Goethestraße 12.
Mi dirección es Bahnhofstraße 27, 10115 Potsdam.
Tel.: 030 1234567
Teléfono: +49 40 987654
Mi número es el 0171 2345678.
Llame al 0800 555123, por favor.
Habitación 214
Página 37
Capítulo 12
Véase la página 148.
Párrafo 15
Número de pedido 48213
El código es 7341.
Error 404: página no encontrada
Son las 14:30.
Son las 20:15.
Nos vemos a las 18:45.
La tienda está abierta de 10 a 19 horas.
De lunes a viernes: de 10:30 a 18:30
Lun–vie 10:00–18:00
Nació el 14 de julio de 1998.
Hoy es 23 de octubre de 2024.
Potsdam, 17 de mayo de 2023
La reunión es el 25.11.2024.
Eso fue en el año 1989.
Trabajo aquí desde 2015.
La guerra duró de 1939 a 1945.
Tengo 25 años.
Tengo 38 años y vivo en Essen.
Mi padre tiene 67 años.
Tiene 12 gatos.
Tarda 45 minutos.
Esperamos 15 horas.
Llego en 10 minutos.
Cuesta 15 euros.
Cuesta 19,99 euros.
Cuesta 24,50.
Precio: 49,90 euros
El precio es de 1200 dólares.
El alquiler cuesta 850 euros al mes.
Llevo 35 dólares.
Te debo 60 euros.
Son 12,80 euros, por favor.
Gana 45.000 euros al año.
Descuento: 20 %
Hoy hay un 30 % de descuento.
La probabilidad es del 75 por ciento.
La temperatura es de 21 grados Celsius.
La temperatura es de -12 grados Celsius.
Hace 34 grados afuera.
Pesa 82,5 kg.
Peso 74 kilos.
Mide 1,75 m.
La tabla mide 120 cm de largo.
El paquete mide 40 cm de ancho y 25 cm de alto.
Hay 95 kilómetros hasta Duisburg.
El coche va a 180 kilómetros por hora.
500 g de harina, 250 ml de leche
Toma 20 gotas al día.
El piso tiene 64 metros cuadrados.
La batería está al 15 %.
Contraseña del wifi: sonne2024
La contraseña es abc123.
No se encontró el archivo bericht.pdf.
Abra el archivo daten.csv.
Haga clic en «OK».
Haga clic aquí.
Pulse Ctrl+C.
Espere, por favor...
¡Atención!
Importante
Prohibido fumar
Prohibida la entrada
Abierto
Cerrado
Entrada
Salida
Nombre: Anna Becker
Nombre
Apellido
Edad: 34
Asunto: su pedido 48213
Fecha: 25.11.2024
«¡Ven aquí!», gritó Martin.
«Sí», dijo Laura.
«¿Dónde está?», preguntó ella.
(en voz baja) Ahora mismo voy.
[se ríe]
Yo (Thomas) estuve allí.
manzanas, peras y plátanos
leche, pan, queso
p. ej. manzanas
Te quiero.
Estoy de camino.
¡Llámame!
¿Tienes tiempo?
¿Qué estás haciendo ahora mismo?
¿Puede ayudarme?
No entiendo.
¿Habla usted inglés?
¿Dónde está el baño?
¡La cuenta, por favor!
Una cerveza, por favor.
¿Cuánto cuesta?
¿Qué hora es?
¡Socorro!
¡Buenos días, Martin!
¡Buenos días! ¿Cómo está usted?
¡Buenos días, damas y caballeros!
¡Buenos días y bienvenidos!
Buenos días, cariño
¡Buenos días, 2024!
¡Buenas noches, señora Koch!
Buenas noches, damas y caballeros.
¡Buenas noches, Laura!
¡Buenas noches y que duermas bien!
Buenas tardes, señor Schulz.
Perdón, ¿dónde está la estación?
